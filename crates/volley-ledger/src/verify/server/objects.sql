-- What the schema $1 is made of, one row an object; to be asked with that schema as the search_path, so that its own names stand
-- in definitions without it. Indexes that come with a key are left out: the key's constraint is there.
-- What only makes it faster or slower is left out, too: an administrator may set it.
WITH space AS (SELECT to_regnamespace($1)::oid AS space),
object (kind, name, detail, id, of_table, definition, body, enabled) AS (
  SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END,
    relname::text, '', pg_class.oid,
    (SELECT owner.relname::text FROM pg_index JOIN pg_class AS owner ON owner.oid = indrelid WHERE indexrelid = pg_class.oid),
    concat_ws(' ', relkind, relpersistence, CASE WHEN relrowsecurity THEN 'row security' END,
      CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(pg_class.oid, true) END,
      CASE WHEN relkind IN ('i', 'I') THEN regexp_replace(pg_get_indexdef(pg_class.oid, 0, true), ' WITH \([^)]*\)', '') END),
    NULL, NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = pg_class.oid AND NOT (indisvalid AND indisready))
  FROM pg_class JOIN space ON relnamespace = space
  WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'i', 'I') AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = pg_class.oid)
  UNION ALL
  SELECT 'column', relname || '.' || attname, '', pg_class.oid, relname::text,
    concat_ws(' ', format_type(atttypid, atttypmod), (SELECT collname FROM pg_collation WHERE oid = attcollation),
      CASE WHEN attnotnull THEN 'not null' END, attidentity, attgenerated,
      (SELECT pg_get_expr(adbin, adrelid, true) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)),
    NULL, true
  FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid JOIN space ON relnamespace = space
  WHERE relkind IN ('r', 'p', 'f') AND attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT 'constraint', conname::text, ' of ' || relname, pg_constraint.oid, relname::text,
    relname || ' ' || pg_get_constraintdef(pg_constraint.oid, true), NULL,
    NOT EXISTS (SELECT FROM pg_trigger WHERE tgconstraint = pg_constraint.oid AND tgenabled NOT IN ('O', 'A'))
  FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid JOIN space ON connamespace = space
  WHERE contype <> 't'
  UNION ALL
  SELECT 'function', proname::text, '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')', pg_proc.oid, NULL,
    CASE prokind WHEN 'a' THEN
      (SELECT concat_ws(' ', pg_get_function_identity_arguments(pg_proc.oid), aggkind, aggtransfn::regprocedure,
          aggfinalfn::regprocedure, format_type(aggtranstype, NULL), agginitval)
        FROM pg_aggregate WHERE aggfnoid = pg_proc.oid)
      ELSE pg_get_functiondef(pg_proc.oid) END,
    prosrc, true
  FROM pg_proc JOIN space ON pronamespace = space
  UNION ALL
  SELECT 'trigger', tgname::text, ' of ' || relname, pg_trigger.oid, relname::text, pg_get_triggerdef(pg_trigger.oid, true), NULL,
    tgenabled IN ('O', 'A')
  FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN space ON relnamespace = space
  WHERE NOT tgisinternal
  UNION ALL
  SELECT 'rule', rulename::text, ' of ' || relname, pg_rewrite.oid, relname::text, pg_get_ruledef(pg_rewrite.oid, true), NULL,
    ev_enabled IN ('O', 'A')
  FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class JOIN space ON relnamespace = space
  WHERE rulename <> '_RETURN'
)
-- The first of a name is told by it alone: Volley gives each name once.
SELECT kind,
  CASE WHEN row_number() OVER (PARTITION BY kind, name ORDER BY id) = 1 THEN name ELSE name || detail END,
  definition, body, enabled::int::bigint, of_table
FROM object
