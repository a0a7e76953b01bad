"""Give a module its arguments within this process, on every ansible-core that is supported."""

from __future__ import annotations

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # before ansible-core 2.19
    import contextlib
    import json
    from collections.abc import Iterator, Mapping
    from typing import Any
    from unittest import mock

    from ansible.module_utils import basic

    @contextlib.contextmanager
    def patch_module_args(args: Mapping[str, Any]) -> Iterator[None]:
        """Within the block an AnsibleModule finds these arguments."""
        with mock.patch.object(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()):
            yield


__all__ = ["patch_module_args"]
