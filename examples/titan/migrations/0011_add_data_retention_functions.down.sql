-- Takes the clean-up functions away. The policies in titan_ops and the data stay as they are; deleted rows do not come back.
DROP VIEW public.cleanup_statistics;
DROP FUNCTION
    public.cleanup_statistics_rows(), public.run_all_cleanups(), public.cleanup_audit_logs(), public.cleanup_system_logs(),
    public.cleanup_notifications(), public.cleanup_expired_sessions(), public.cleanup_table(text), public.cleanup_conditions(text);
