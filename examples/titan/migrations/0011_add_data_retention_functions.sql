-- Clean-up functions for people at psql. They read the retention policies that are stored in titan_ops.retention_policy
-- when they run, so a changed policy needs no migration. Without stored policies they delete nothing and say so.
-- Scheduled clean-ups use "titan-db cleanup": it works in small batches and asks for a fresh verified backup first.
-- require: SELECT to_regclass('public.audit_logs') IS NOT NULL AND to_regclass('public.system_logs') IS NOT NULL
-- require: SELECT to_regclass('public.notifications') IS NOT NULL AND to_regclass('public.user_sessions') IS NOT NULL
-- verify: SELECT to_regprocedure('public.run_all_cleanups()') IS NOT NULL AND to_regclass('public.cleanup_statistics') IS NOT NULL
-- verify: SELECT to_regprocedure('public.cleanup_audit_logs()') IS NOT NULL AND to_regprocedure('public.cleanup_system_logs()') IS NOT NULL
-- verify: SELECT to_regprocedure('public.cleanup_notifications()') IS NOT NULL AND to_regprocedure('public.cleanup_expired_sessions()') IS NOT NULL

-- The stored policies of one table, each with its cut-off and the condition that a row is due, as SQL text.
CREATE OR REPLACE FUNCTION public.cleanup_conditions(p_table text)
RETURNS TABLE (policy text, cutoff timestamptz, condition text, mark text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET standard_conforming_strings = on
AS $function$
BEGIN
    IF to_regclass('titan_ops.retention_policy') IS NULL THEN
        RAISE NOTICE 'No retention policies are stored yet, so nothing is due: converge the role titan.database.retention first.';
        RETURN;
    END IF;
    RETURN QUERY EXECUTE $query$
        WITH typed AS (
            SELECT p.*, statement_timestamp() - p.keep AS cut,
                   format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1) AS time_type,
                   (SELECT format_type(f.atttypid, -1) FROM pg_attribute f
                     WHERE f.attrelid = a.attrelid AND f.attname = p.filter_column AND NOT f.attisdropped) AS filter_type,
                   (SELECT format_type(m.atttypid, -1) FROM pg_attribute m
                     WHERE m.attrelid = a.attrelid AND m.attname = p.mark_column AND NOT m.attisdropped) AS mark_type
              FROM titan_ops.retention_policy p
              JOIN pg_attribute a ON a.attrelid = to_regclass(format('%I.%I', p.table_schema, p.table_name))
                                 AND a.attname = p.time_column AND NOT a.attisdropped
              JOIN pg_type t ON t.oid = a.atttypid
             WHERE p.table_schema = 'public' AND p.table_name = $1)
        SELECT name, cut,
               format('%I < %L::%s', time_column,
                      CASE time_type WHEN 'timestamp with time zone' THEN cut::text
                                     WHEN 'date' THEN (cut AT TIME ZONE time_zone)::date::text
                                     ELSE (cut AT TIME ZONE time_zone)::text END, time_type)
               || CASE WHEN filter_kind = 'is_null' THEN format(' AND %I IS NULL', filter_column)
                       WHEN filter_kind = 'is_not_null' THEN format(' AND %I IS NOT NULL', filter_column)
                       WHEN ignore_case THEN format(' AND lower(%I::text) IN (%s)', filter_column,
                            (SELECT string_agg(format('lower(%L::text)', v), ', ') FROM unnest(filter_values) v))
                       WHEN filter_kind = 'in' THEN format(' AND %I IN (%s)', filter_column,
                            (SELECT string_agg(format('%L::%s', v, filter_type), ', ') FROM unnest(filter_values) v))
                       ELSE '' END
               || coalesce(E' AND (\n' || filter_sql || E'\n)', '')
               || CASE WHEN mark_column IS NULL THEN ''
                       WHEN mark_value IS NULL THEN format(' AND %I IS NULL', mark_column)
                       ELSE format(' AND %I IS DISTINCT FROM %L::%s', mark_column, mark_value, mark_type) END,
               CASE WHEN mark_column IS NULL THEN NULL
                    WHEN mark_value IS NULL THEN format('%I = statement_timestamp()', mark_column)
                    ELSE format('%I = %L::%s', mark_column, mark_value, mark_type) END
          FROM typed ORDER BY name
    $query$ USING p_table;
END
$function$;

-- Delete (or mark) what is due in one table, under each of its policies.
CREATE OR REPLACE FUNCTION public.cleanup_table(p_table text)
RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET standard_conforming_strings = on
AS $function$
DECLARE
    due record;
    touched bigint;
    began timestamptz := clock_timestamp();
BEGIN
    cleanup_type := p_table;
    IF to_regclass(format('public.%I', p_table)) IS NULL THEN
        RAISE EXCEPTION 'There is no table public.%.', p_table;
    END IF;
    FOR due IN SELECT * FROM public.cleanup_conditions(p_table) LOOP
        IF due.mark IS NULL THEN
            EXECUTE format('DELETE FROM public.%I WHERE %s', p_table, due.condition);
        ELSE
            EXECUTE format('UPDATE public.%I SET %s WHERE %s', p_table, due.mark, due.condition);
        END IF;
        GET DIAGNOSTICS touched = ROW_COUNT;
        deleted_count := coalesce(deleted_count, 0) + touched;
    END LOOP;
    execution_time := clock_timestamp() - began;
    IF deleted_count IS NOT NULL THEN
        RETURN NEXT;
    END IF;
END
$function$;

CREATE OR REPLACE FUNCTION public.cleanup_audit_logs()
RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $function$ SELECT * FROM public.cleanup_table('audit_logs') $function$;

CREATE OR REPLACE FUNCTION public.cleanup_system_logs()
RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $function$ SELECT * FROM public.cleanup_table('system_logs') $function$;

CREATE OR REPLACE FUNCTION public.cleanup_notifications()
RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $function$ SELECT * FROM public.cleanup_table('notifications') $function$;

CREATE OR REPLACE FUNCTION public.cleanup_expired_sessions()
RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $function$ SELECT * FROM public.cleanup_table('user_sessions') $function$;

-- All four. A table that fails is reported with a warning and a NULL count, and undoes nothing of the others.
CREATE OR REPLACE FUNCTION public.run_all_cleanups()
RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['audit_logs', 'system_logs', 'notifications', 'user_sessions'] LOOP
        BEGIN
            RETURN QUERY SELECT * FROM public.cleanup_table(one);
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'The clean-up of % failed and was undone: %', one, SQLERRM;
            RETURN QUERY SELECT one, NULL::bigint, NULL::interval;
        END;
    END LOOP;
END
$function$;

-- One row per table: how many rows there are, how many are due now, and how many policies apply.
CREATE OR REPLACE FUNCTION public.cleanup_statistics_rows()
RETURNS TABLE (table_name text, total_rows bigint, rows_to_delete bigint, policies bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET standard_conforming_strings = on
AS $function$
DECLARE
    conditions text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['audit_logs', 'system_logs', 'notifications', 'user_sessions'] LOOP
        SELECT string_agg(format('(%s)', c.condition), ' OR '), count(*) INTO conditions, policies
          FROM public.cleanup_conditions(table_name) c;
        EXECUTE format('SELECT count(*), count(*) FILTER (WHERE %s) FROM public.%I', coalesce(conditions, 'false'), table_name)
           INTO total_rows, rows_to_delete;
        RETURN NEXT;
    END LOOP;
END
$function$;

CREATE OR REPLACE VIEW public.cleanup_statistics AS
SELECT table_name, total_rows, rows_to_delete, policies FROM public.cleanup_statistics_rows();

COMMENT ON VIEW public.cleanup_statistics IS 'What the stored retention policies would delete now; counts each row, so it reads all four tables.';

REVOKE EXECUTE ON FUNCTION
    public.cleanup_conditions(text), public.cleanup_table(text), public.cleanup_audit_logs(), public.cleanup_system_logs(),
    public.cleanup_notifications(), public.cleanup_expired_sessions(), public.run_all_cleanups(), public.cleanup_statistics_rows()
FROM PUBLIC;
