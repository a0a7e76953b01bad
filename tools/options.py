"""Write what follows from the options' declarations: ``make options``.

An option of a module, with its role's variable and whether the scheduled job takes it, is declared once, in
``plugins/module_utils/_engine/<folder>/options``. From there come

- the section ``options`` of the module's DOCUMENTATION, and of the documentation fragment of the connection,
- the part between the two marker lines of ``roles/<role>/meta/argument_specs.yml``,
- ``roles/<role>/defaults/main.yml``, whole, from those argument specs,
- ``roles/<role>/vars/main.yml``, whole: what the role's variables say, as the options of each module and job.

The table of the lint rules in docs/migrations.md is made from the rules, docs/evidence.schema.json from the types of the evidence.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[1]
ENGINE = "ansible_collections.titan.database.plugins.module_utils._engine"
WIDTH = 150
BEGIN = "      # Made by `make options` from plugins/module_utils/_engine/{source}. Change them there."
END = "      # End of what is made."
HEADER = "---\n# Made by `make options`. Change {source}.\n"


class Call(NamedTuple):
    """A module, or a job of titan-db, that takes a spec.

    Attributes:
        module: The module's name; empty for a job without one.
        source: Where the spec is, below the engine.
        name: The spec's name there.
        role: The role whose variables fill it; empty for none.
        job: The subcommand of titan-db; empty for none.
    """

    module: str
    source: str
    name: str
    role: str = ""
    job: str = ""

    @property
    def spec(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = getattr(import_module(f"{ENGINE}.{self.source.replace('/', '.')}"), self.name)
        return found


CALLS = (
    Call("backup", "backups/options", "BACKUP", "backup", "backup"),
    Call("", "backups/options", "DRILL", "backup", "drill"),
    Call("restore", "backups/options", "RESTORE", "backup", "restore"),
    Call("rescue", "backups/options", "RESCUE", "backup", "rescue"),
    Call("recover", "backups/options", "RECOVER", "backup", "recover"),
    Call("index_effect", "index_effect/options", "MEASURE", "backup", "measure"),
    Call("backup_info", "backups/options", "BACKUP_INFO", "backup", "list"),
    Call("backup_pin", "backups/options", "PIN", "backup", "pin"),
    Call("backup_stanza", "backups/options", "BACKUP_STANZA"),
    Call("migration", "migrations/options", "MIGRATION", "migrations"),
    Call("migration_info", "migrations/options", "MIGRATION_INFO", "migrations"),
    Call("rehearsal", "rehearsal/options", "REHEARSE", "migrations"),
    Call("retention_policy", "retention/options", "RETENTION_POLICY", "retention"),
    Call("cleanup", "retention/options", "CLEANUP", "retention", "cleanup"),
    Call("reindex", "reindex/options", "REINDEX", "crontab", "reindex"),
    Call("health_info", "health/options", "HEALTH_INFO", "crontab", "health"),
    Call("", "health/options", "STATS", "crontab", "stats"),
    Call("report_info", "fleet/options", "REPORT_INFO"),
    Call("report_index", "fleet/options", "REPORT_INDEX"),
    Call("crontab", "crontab/options", "CRONTAB", "crontab"),
    Call("converge_info", "converge/options", "CONVERGE_INFO"),
    Call("host_command", "environment/host_command", "HOST_COMMAND", "host"),
    Call("host_command_run", "converge/options", "HOST_COMMAND_RUN"),
    Call("directory", "environment/directory", "DIRECTORY"),
    Call("file", "environment/file", "FILE"),
)
ROLES = sorted({call.role for call in CALLS if call.role})


def texts(root: Path = ROOT) -> dict[Path, str]:
    """Every file that is made, as it has to be."""
    made = {}
    for call in CALLS:
        if call.module:
            path = root / "plugins" / "modules" / f"{call.module}.py"
            made[path] = _with_options(path.read_text(encoding="utf-8"), call.spec)
    path = root / "plugins" / "doc_fragments" / "connection.py"
    connection = import_module(f"{ENGINE}.postgres.options").CONNECTION
    made[path] = _with_options(path.read_text(encoding="utf-8"), connection)
    for role in sorted(each.name for each in (root / "roles").iterdir()):
        specs = root / "roles" / role / "meta" / "argument_specs.yml"
        text = specs.read_text(encoding="utf-8")
        if role in ROLES:
            made[specs] = text = _with_variables(text, role)
            made[root / "roles" / role / "vars" / "main.yml"] = _role_vars(role)
        made[root / "roles" / role / "defaults" / "main.yml"] = _role_defaults(text, role)
    shape = import_module(f"{ENGINE}.evidence.shape").schema()
    made[root / "docs" / "evidence.schema.json"] = json.dumps(shape, indent=1, sort_keys=True) + "\n"
    guide = root / "docs" / "migrations.md"
    if guide.exists():
        made[guide] = _with_rules(guide.read_text(encoding="utf-8"))
    return made


def _with_rules(text: str) -> str:
    """The guide with its table of the lint rules made anew."""
    rules = import_module(f"{ENGINE}.migrations.lint.table").RULES
    level = {"blocking": "error on a large table", "risky": "warning", "style": "notice"}
    rows = [f"| `{rule.name}` | {level[rule.level]} | {rule.reason} | {rule.instead} |\n" for rule in rules]
    begin, end = text.index("| lint rule |"), text.index("\n\n", text.index("| lint rule |"))
    return f"{text[:begin]}| lint rule | level | reason | instead |\n| --- | --- | --- | --- |\n{''.join(rows).rstrip()}{text[end:]}"


def _with_options(text: str, spec: Mapping[str, Any]) -> str:
    """The file with the section "options" of its DOCUMENTATION made anew."""
    start = text.index("\noptions:\n", text.index('DOCUMENTATION = r"""')) + len("\noptions:\n")
    end = re.compile(r"^(?=\S)", re.M).search(text, start)
    assert end, "the documentation ends"
    made = "\n".join(_documented(spec, "  ", lambda sentence: sentence, "suboptions"))
    return f"{text[:start]}{made}\n{text[end.start() :]}"


def _documented(spec: Mapping[str, Any], indent: str, worded: Callable[[str], str], nested: str) -> Iterator[str]:
    for name, each in spec.items():
        yield f"{indent}{name}:"
        yield from _entry(each, f"{indent}  ", worded, nested, each.default)


def _entry(each: Any, indent: str, worded: Callable[[str], str], nested: str, default: Any) -> Iterator[str]:
    yield f"{indent}description:"
    for sentence in each.description:
        yield from _item(worded(sentence), f"{indent}  ")
    yield f"{indent}type: {each.type}"
    if each.elements:
        yield f"{indent}elements: {each.elements}"
    if each.choices:
        line = f"{indent}choices: {_flow(list(each.choices))}"
        below = f"{indent}{' ' * len('choices: [')}"  # where yamllint wants it
        yield from textwrap.wrap(line, 140, subsequent_indent=below, break_long_words=False, break_on_hyphens=False)
    if each.required:
        yield f"{indent}required: true"
    elif default is not None:
        yield f"{indent}default: {_flow(default)}"
    if each.no_log and nested == "options":
        yield f"{indent}no_log: true"
    if each.options:
        yield f"{indent}{nested}:"
        yield from _documented(each.options, f"{indent}  ", worded, nested)


def _item(sentence: str, indent: str) -> list[str]:
    """One entry of a list, as a plain scalar where YAML reads it as one."""
    if re.search(r": |:$| #|^[\"'{}\[\]*&#%@`!|>?-]", sentence):
        sentence = '"' + sentence.replace("\\", "\\\\").replace('"', '\\"') + '"'
    lines = textwrap.wrap(sentence, WIDTH - len(indent) - 2, break_long_words=False, break_on_hyphens=False)
    return [f"{indent}{'  ' if number else '- '}{line}" for number, line in enumerate(lines)]


def _flow(value: Any) -> str:
    """A value in YAML's flow style, on one line; a text without quotes where it is a plain word."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9/_][\w./-]*", value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _variables(role: str) -> dict[str, tuple[str, Any, Mapping[str, Any]]]:
    """The role's variables that options declare: variable -> (source, option, the spec it stands in)."""
    found: dict[str, tuple[str, Any, Mapping[str, Any]]] = {}
    for call in CALLS:
        for each in call.spec.values():
            if each.variable.startswith(f"{role}_") or each.variable == role:
                found.setdefault(each.variable, (call.source, each, call.spec))
    return found


def _with_variables(text: str, role: str) -> str:
    """The argument specs with the made part anew; it goes to the end."""
    variables = _variables(role)
    kept = re.sub(r"^ *# Made by `make options`.*?# End of what is made\.\n", "", text, flags=re.M | re.S)
    lines = []
    for source in dict.fromkeys(source for source, *_other in variables.values()):
        lines.append(BEGIN.format(source=source))
        for name, (where, each, spec) in variables.items():
            if where == source:
                lines.append(f"      {name}:")
                kind = "str" if each.type == "path" else each.type
                entry = each._replace(required=False, type=kind)
                lines += _entry(entry, "        ", _for_role(spec), "options", each.variable_default)
        lines.append(END)
    return kept + "".join(f"{line}\n" for line in lines)


def _for_role(spec: Mapping[str, Any]) -> Callable[[str], str]:
    """Semantic markup belongs to modules; a role's page shows the variable in an option's place."""

    def shown(found: re.Match[str]) -> str:
        name, equals, value = found[2].partition("=")
        variable = spec[name].variable if found[1] == "O" and name in spec else ""
        return f"C({variable or name}{equals}{value})"

    return lambda sentence: re.sub(r"\b(O|V|RV|E)\(((?:[^()\\]|\\.)*)\)", shown, sentence)


def _role_defaults(specs: str, role: str) -> str:
    """defaults/main.yml: each variable under its description."""
    options = yaml.safe_load(specs)["argument_specs"]["main"]["options"]
    lines = [HEADER.format(source=f"roles/{role}/meta/argument_specs.yml, or the options that it names").rstrip("\n")]
    for name, each in options.items():
        if each.get("required"):
            continue
        description = each["description"] if isinstance(each["description"], list) else [each["description"]]
        comment = re.sub(r"\b[CMPBI]\(((?:[^()\\]|\\.)*)\)", r"\1", " ".join(description))
        lines += [f"# {line}" for line in textwrap.wrap(comment, 116, break_long_words=False, break_on_hyphens=False)]
        lines.append(_assigned(name, each.get("default")))
    return "\n".join(lines) + "\n"


def _assigned(name: str, value: Any) -> str:
    if isinstance(value, list) and value:
        return "\n".join((f"{name}:", *(f"  - {_flow(item)}" for item in value)))
    if isinstance(value, dict) and value:
        return "\n".join((f"{name}:", *(f"  {key}: {_flow(item)}" for key, item in value.items())))
    return f"{name}: {_flow(value)}"


def _role_vars(role: str) -> str:
    """vars/main.yml: the options of modules and jobs, filled from the variables."""
    lines = [HEADER.format(source="the declarations below plugins/module_utils/_engine").rstrip("\n")]
    groups = (
        (f"{role}_module_options", [(call.module, call) for call in CALLS if call.role == role and call.module], False),
        (f"{role}_job_options", [(call.job, call) for call in CALLS if call.role == role and call.job], True),
    )
    for name, calls, scheduled in groups:
        filled = [(key, call) for key, call in calls if any(each.variable for each in call.spec.values())]
        if not filled:
            continue
        what = "What the scheduled jobs take, by subcommand" if scheduled else "What the modules take, by module"
        lines += [f"# {what}.", f"{name}:"]
        for key, call in filled:
            lines.append(f"  {key}:")
            for option, each in call.spec.items():
                if each.variable and (each.scheduled or not scheduled):
                    lines.append(f'    {option}: "{{{{ {_filled(each)} }}}}"')
    return "\n".join(lines) + "\n"


def _filled(each: Any) -> str:
    """The variable; with its default where no role has one."""
    owner = next((role for role in ROLES if each.variable.startswith(f"{role}_") or each.variable == role), "")
    return each.variable if owner else f"{each.variable} | default({each.variable_default!r})"


def main() -> int:
    """Write what differs; with --check only name it."""
    stale = {
        path: text for path, text in texts().items() if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path in stale:
        print(path.relative_to(ROOT))
    if "--check" in sys.argv[1:]:
        return 1 if stale else 0
    for path, text in stale.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "collections"))
    sys.exit(main())
