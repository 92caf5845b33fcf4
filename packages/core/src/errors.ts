/**
 * Every failure Hakiri reports carries one of these codes. A code is part of the product's interface:
 * scripts match on it, the catalogue in `docs/errors.md` is generated from this table.
 */

/** What the process exits with, by kind of failure. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  denied: 3,
  conflict: 4,
  source: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface ErrorKind {
  readonly exit: ExitCode;
  /** What it means, for the catalogue page. */
  readonly meaning: string;
  /** What to do next, when the place that throws knows nothing better. */
  readonly hint: string;
}

const kind = (exit: ExitCode, meaning: string, hint: string): ErrorKind => ({ exit, meaning, hint });

const CODES = {
  'usage.argument': kind(
    EXIT.usage,
    'A command was called with arguments it does not take.',
    'Run the command with --help.',
  ),
  'usage.unknown_name': kind(
    EXIT.usage,
    'A pipeline, table or recipe of that name does not exist.',
    'Check the spelling; the message lists what exists.',
  ),
  interrupted: kind(
    EXIT.interrupted,
    'The run was stopped by a signal.',
    'What was committed is kept; run again to go on from there.',
  ),
  internal: kind(
    EXIT.failed,
    'Hakiri broke one of its own assumptions.',
    'This is a bug in Hakiri: report it with the command you ran.',
  ),

  'manifest.not_found': kind(
    EXIT.usage,
    'There is no hakiri.toml in this folder or above it.',
    'Run `hakiri init`, or `hakiri run github-issues` to try the sample.',
  ),
  'manifest.exists': kind(
    EXIT.usage,
    'The folder already has a hakiri.toml.',
    'Edit it, or choose another folder.',
  ),
  'manifest.syntax': kind(
    EXIT.usage,
    'A manifest file is not valid TOML or JSON.',
    'Correct the line named in the message.',
  ),
  'manifest.unknown_key': kind(
    EXIT.usage,
    'A manifest holds a key that does not exist.',
    'Remove it or correct its spelling.',
  ),
  'manifest.wrong_type': kind(
    EXIT.usage,
    'A manifest value has the wrong type or is out of range.',
    'See docs/manifest.md for what the key takes.',
  ),
  'manifest.not_built': kind(
    EXIT.usage,
    'A manifest key belongs to a part of Hakiri that this build does not carry out.',
    'Remove the key until you use a build that has it: it is refused, never ignored.',
  ),
  'manifest.duplicate_pipeline': kind(EXIT.usage, 'Two pipelines have the same id.', 'Rename one of them.'),
  'manifest.table_conflict': kind(
    EXIT.usage,
    'Two pipelines feed one table but disagree about its key, mode or columns.',
    'Make them agree, or give one table another name.',
  ),
  'manifest.unreadable': kind(EXIT.usage, 'A manifest file cannot be read.', 'Check its permissions.'),

  'secret.missing': kind(
    EXIT.source,
    'A secret the manifest names has no value.',
    'Set it in the environment, in the secrets file, or as a systemd credential.',
  ),
  'secret.file_mode': kind(
    EXIT.source,
    'The secrets file can be read by other users.',
    'Run `chmod 600` on it.',
  ),

  'source.config': kind(
    EXIT.usage,
    'The configuration of a source is not valid.',
    'See docs/sources for what the source takes.',
  ),
  'source.host_refused': kind(
    EXIT.source,
    'The egress guard refused a host: its address is private, local or reserved.',
    "Add the host to the pipeline's allow_hosts if you mean it.",
  ),
  'source.network': kind(
    EXIT.source,
    'The source could not be reached.',
    'Check the address and the network; the next run goes on from the last commit.',
  ),
  'source.auth': kind(
    EXIT.source,
    'The source refused the credentials.',
    "Check the secret's value and what it is allowed to read.",
  ),
  'source.not_found': kind(
    EXIT.source,
    'The source has nothing at that address.',
    'Check the path, and whether the credentials may see it.',
  ),
  'source.rate_limited': kind(
    EXIT.source,
    'The source asked to wait longer than this run may.',
    'Run again after the time in the message.',
  ),
  'source.http_status': kind(
    EXIT.source,
    'The source answered with an error, also after retries.',
    'Run again later; the next run goes on from the last commit.',
  ),
  'source.not_json': kind(
    EXIT.source,
    'The source answered with something other than JSON, an HTML page for example.',
    'Check the address and the credentials: a login page often looks like this.',
  ),
  'source.malformed_json': kind(
    EXIT.source,
    'The source answered with JSON that is not well formed.',
    'Report it to the owner of the API; nothing of that page was taken.',
  ),
  'source.truncated': kind(
    EXIT.source,
    'An answer of the source ended before it was complete, also after retries.',
    'Run again; nothing of the cut answer was taken.',
  ),
  'source.endless_paging': kind(
    EXIT.source,
    'The next page of the source leads back to a page already read, or past the page limit.',
    'Check the pagination settings of the resource.',
  ),
  'source.records_path': kind(
    EXIT.source,
    'The records are not where the manifest says.',
    'Correct `records` of the resource; the message shows the keys that were found.',
  ),
  'source.changed_while_reading': kind(
    EXIT.source,
    'The list changed at the source while its pages were read, so rows may have been skipped.',
    'Run again; the cursor was not moved past the gap.',
  ),
  'source.not_whole': kind(
    EXIT.source,
    'A table with mode = "replace" was not pulled whole, so nothing was deleted from it.',
    'The message says why; the next run reads the source from the start again.',
  ),
  'source.too_large': kind(EXIT.source, 'A page is larger than the limit.', 'Ask for smaller pages.'),
  'source.redirect': kind(
    EXIT.source,
    'The source redirects in a circle, too often, or to a scheme that is not allowed.',
    'Set base_url to the final address.',
  ),
  'source.file_not_found': kind(
    EXIT.source,
    'No file matches a path of the pipeline.',
    "Check the path; globs are relative to the manifest's folder.",
  ),
  'source.file_format': kind(
    EXIT.source,
    'The format of a file cannot be told from its name.',
    'Set `format` to ndjson, json, csv or parquet.',
  ),
  'source.csv_malformed': kind(
    EXIT.source,
    'A CSV file is broken, an unclosed quote for example.',
    'Correct the line named in the message; nothing of that file was taken.',
  ),
  'source.parquet_damaged': kind(
    EXIT.source,
    'A Parquet file is cut short or damaged.',
    'Fetch the file again; nothing of it was taken.',
  ),
  'source.unreadable': kind(EXIT.source, 'A source file cannot be read.', 'Check its permissions.'),

  'record.malformed_json': kind(
    EXIT.failed,
    'A record is not well-formed JSON and was set aside.',
    'See the quarantine file named in the message.',
  ),
  'record.too_large': kind(
    EXIT.failed,
    'A record is larger than the limit and was set aside.',
    'Raise `max_record` of the table if it is meant to be that large.',
  ),
  'record.duplicate_key': kind(
    EXIT.failed,
    'A record holds the same key twice in one object and was set aside.',
    'Nobody can say which value was meant: correct it at the source.',
  ),
  'record.key_case': kind(
    EXIT.failed,
    'A record holds two keys that differ only in case and was set aside.',
    'Columns do not tell case apart: rename one at the source.',
  ),
  'record.reserved_key': kind(
    EXIT.failed,
    'A record holds a key that starts with _hakiri_ and was set aside.',
    "Those names are Hakiri's own: rename the key at the source.",
  ),
  'record.null_key': kind(
    EXIT.failed,
    'A record has no value in a column of the primary key and was set aside.',
    'Choose a primary key that every record has.',
  ),
  'record.type_conflict': kind(
    EXIT.failed,
    'A value does not fit the type of its column; the record was set aside.',
    'Declare a wider type for the column, or set on_conflict = "json".',
  ),
  'record.unknown_column': kind(
    EXIT.failed,
    'A written row has a column that its table does not.',
    'Correct the name; the message lists what exists.',
  ),
  'record.unnamed_key': kind(
    EXIT.failed,
    'Records of a table with sensitive columns have a key that the manifest does not name; it is kept without values.',
    'Name it under columns of the table, with on_write where it is sensitive, or set unknown_columns = "add".',
  ),
  'record.delete_without_key': kind(
    EXIT.failed,
    'A record deletes a row of a table that has no primary key, and was set aside.',
    'Give the table a primary_key.',
  ),
  'record.erased': kind(
    EXIT.failed,
    'A row is about something that was forgotten for good; nothing was written.',
    'Leave it out. What `hakiri forget` removed does not come back.',
  ),
  'record.not_object': kind(
    EXIT.failed,
    'A record is not a JSON object and was set aside.',
    'Check the path to the records.',
  ),

  'transform.invalid': kind(EXIT.usage, 'A transform is not valid.', 'See docs/manifest.md, transforms.'),
  'transform.clock': kind(
    EXIT.usage,
    'A transform depends on the clock or on chance, so two runs would not agree.',
    'Use a column of the row instead.',
  ),
  'transform.function': kind(
    EXIT.usage,
    'A transform calls a function that is not allowed there.',
    'Transforms take scalar functions of the row only.',
  ),

  'schema.conflict': kind(
    EXIT.failed,
    'The declared type of a column cannot hold what the table already has.',
    'Declare a type that can, or give the table another name.',
  ),
  'schema.key_missing': kind(
    EXIT.failed,
    'A column of the primary key is not in the records.',
    'Correct primary_key, or the source.',
  ),

  'store.locked': kind(
    EXIT.conflict,
    'Another process is writing to this store.',
    'Wait for it, or give `--wait` a longer time.',
  ),
  'store.disk_full': kind(
    EXIT.failed,
    'The disk is full.',
    'Make room and run again; what was committed is kept.',
  ),
  'store.read_only': kind(
    EXIT.failed,
    "The store's folder cannot be written to.",
    'Check the permissions of the folder.',
  ),
  'store.io': kind(
    EXIT.failed,
    'The disk reported an error.',
    'Check the disk; run `hakiri doctor` afterwards.',
  ),
  'store.count_mismatch': kind(
    EXIT.failed,
    'The rows counted back from a part are not the rows that went in; nothing was committed.',
    'This is a bug or a failing disk: run `hakiri doctor`.',
  ),
  'store.damaged': kind(
    EXIT.failed,
    'A file of the store is missing, damaged, or not what its manifest says.',
    'Run `hakiri doctor`.',
  ),
  'store.newer_format': kind(EXIT.failed, 'The store was written by a newer Hakiri.', 'Update Hakiri.'),
  'store.catalog_lost': kind(
    EXIT.failed,
    'The catalog is missing or damaged.',
    'Run `hakiri doctor --rebuild-catalog`.',
  ),
  'store.run_too_old': kind(
    EXIT.failed,
    'A run arrived that is older than the deletes the table still remembers; taking it in could bring deleted rows back.',
    'Raise `tombstone_retention` before compacting if runs may arrive that late; to take its rows in, pull them again.',
  ),
  'store.compacting': kind(
    EXIT.conflict,
    'Another process is compacting, collecting or erasing in this store.',
    'Wait for it, or give `--wait` a longer time.',
  ),
  'store.key_missing': kind(
    EXIT.failed,
    'Something was forgotten in this store, and the pseudonym key that tells what it was is not here.',
    'Bring the key from the machine where it was forgotten: keys/pseudonym.key.',
  ),
  'store.erasure_incomplete': kind(
    EXIT.failed,
    'Something that was to be forgotten is still there.',
    'The message names the file; run `hakiri forget` again once it is mended or removed.',
  ),
  'store.not_found': kind(EXIT.usage, 'There is no store yet.', 'Run a pipeline first: `hakiri run`.'),

  'engine.failed': kind(EXIT.failed, 'The engine failed.', 'Run again; report it if it happens twice.'),
  'engine.crashed': kind(
    EXIT.failed,
    "The engine's process ended unexpectedly.",
    'Run again; nothing committed is lost.',
  ),
  'engine.out_of_memory': kind(
    EXIT.failed,
    'The engine needed more memory than it may take.',
    'Make the batches smaller with commit_every.',
  ),

  'query.invalid': kind(
    EXIT.usage,
    'The query is not valid.',
    'Correct it; `hakiri describe TABLE` lists the columns.',
  ),
  'query.as_of_gone': kind(
    EXIT.failed,
    'What the table was at that time is no longer kept.',
    'Ask for a later time, or raise `retention` for the time to come.',
  ),
  'query.unknown_table': kind(
    EXIT.usage,
    'The query names a table that does not exist.',
    'Run `hakiri tables`.',
  ),
  'query.unknown_column': kind(
    EXIT.usage,
    'The query names a column that does not exist.',
    'Run `hakiri describe TABLE`.',
  ),
  'query.not_select': kind(EXIT.usage, 'Only a single SELECT is allowed.', 'Remove the other statements.'),
  'query.refused': kind(
    EXIT.denied,
    "The query tried to reach something other than the store's tables.",
    'Query the tables listed by `hakiri tables`.',
  ),
  'query.timeout': kind(
    EXIT.failed,
    'The query ran longer than its deadline and was stopped.',
    'Narrow it, or raise --timeout.',
  ),
  'query.too_large': kind(
    EXIT.failed,
    'The answer is larger than its limit.',
    'Add a LIMIT, or select fewer columns.',
  ),
  'query.failed': kind(EXIT.failed, 'The query failed on a value.', 'Use try_cast, or filter out the value.'),
  'query.next_invalid': kind(
    EXIT.usage,
    'The continuation does not belong to this request, or what it continues is no longer kept.',
    'Ask the same request again from the start.',
  ),
  'query.no_index': kind(
    EXIT.usage,
    'The table has no index that could answer this search.',
    'Declare one in the manifest under `indexes` of the table, then run `hakiri index rebuild`.',
  ),
  'index.not_built': kind(
    EXIT.failed,
    'An index is declared but not built yet.',
    'Run `hakiri index rebuild`.',
  ),
  'index.damaged': kind(
    EXIT.failed,
    'A file of an index is damaged; it is not served.',
    'Run `hakiri index rebuild`: it is made again from the data.',
  ),
  'embedding.unknown_model': kind(
    EXIT.usage,
    'A vector index names a model that the manifest does not define.',
    'Add an [embedding."<model>"] section, or use the built-in model.',
  ),
  'embedding.unreachable': kind(
    EXIT.source,
    'The embedding endpoint could not be reached, also after retries.',
    'Start it, or check its address; data and the old index keep serving.',
  ),
  'embedding.timeout': kind(
    EXIT.source,
    'The embedding endpoint did not answer in time.',
    'Check its load, or raise its timeout; data and the old index keep serving.',
  ),
  'embedding.refused': kind(
    EXIT.source,
    'The embedding endpoint refused the request.',
    'Check the model name and the credentials; data and the old index keep serving.',
  ),
  'embedding.dimension': kind(
    EXIT.source,
    'The embedding endpoint answered with vectors of another size than the manifest says.',
    'Correct `dim`, or check which model the endpoint serves.',
  ),
  'embedding.bad_answer': kind(
    EXIT.source,
    'The embedding endpoint answered with something other than one vector a text.',
    'Check that the address is that of an OpenAI-compatible /v1/embeddings; data and the old index keep serving.',
  ),
  'embedding.folder': kind(
    EXIT.usage,
    'The model in a folder cannot be used: a file or the package onnxruntime-node is missing, or the model is of another kind.',
    'The message says what is missing.',
  ),
  'embedding.zone_refused': kind(
    EXIT.denied,
    'Data is tagged so that it may not be sent to the zone of this embedding endpoint.',
    'Use a model in an allowed zone, or change inference_zone_allowed.',
  ),
  'memory.invalid': kind(
    EXIT.usage,
    'A memory item or namespace is not valid.',
    'The message names the field.',
  ),
  'memory.too_large': kind(EXIT.usage, 'A memory item is larger than the limit.', 'Write less at once.'),
  'pipeline.running': kind(EXIT.conflict, 'The pipeline is running already.', 'Wait for it to end.'),

  'token.missing': kind(
    EXIT.denied,
    'A capability token is needed, and none was given.',
    'Send it as `Authorization: Bearer`, or set HAKIRI_TOKEN; `hakiri token issue` makes one.',
  ),
  'token.invalid': kind(
    EXIT.denied,
    'The token is damaged, was not signed by this project, or says something outside the vocabulary.',
    'Ask whoever issued it for another; `hakiri token inspect` shows what it says.',
  ),
  'token.expired': kind(EXIT.denied, 'The token has expired.', 'Ask whoever issued it for another.'),
  'token.not_yet_valid': kind(
    EXIT.denied,
    'The token is not valid yet.',
    'Wait, or check the clocks of both machines.',
  ),
  'token.revoked': kind(
    EXIT.denied,
    'The token, or one that it was made from, was revoked.',
    'Ask whoever issued it for another.',
  ),
  'token.proof': kind(
    EXIT.denied,
    'The token asks for proof of possession, and the proof is missing or does not hold.',
    'Send a fresh DPoP proof, signed with the key that the token names.',
  ),
  'token.too_large': kind(
    EXIT.denied,
    'The token is larger than 16 KB, has more than 8 blocks, or restricts more than is allowed.',
    'Attenuate fewer times; issue a token with what is needed.',
  ),
  'token.widens': kind(
    EXIT.usage,
    'Attenuating cannot give a token more than it has.',
    'Ask whoever issued it for a token that has it.',
  ),
  'key.missing': kind(
    EXIT.denied,
    'The project has no signing key here.',
    'Run `hakiri token issue` where the project was made, or `hakiri key import`.',
  ),
  'key.exists': kind(
    EXIT.usage,
    'There is a key already.',
    'Rotate it with `hakiri key rotate`, or name another file.',
  ),
  'key.invalid': kind(
    EXIT.failed,
    'A key file is damaged, or can be read by other users.',
    'Import the key again from where it was exported to.',
  ),
  'access.denied': kind(
    EXIT.denied,
    'The token does not allow this.',
    'Ask whoever issued it for a token that does.',
  ),
  'access.zone_refused': kind(
    EXIT.denied,
    'The caller is in a zone that this is not served to.',
    'Ask from an allowed zone; in an incognito session only local and on-prem ones are.',
  ),
  'access.aggregate_only': kind(
    EXIT.denied,
    'Of this table only aggregates over enough rows are served.',
    'Group, and select group keys, count, count(distinct), sum or avg of plain columns.',
  ),
  'policy.invalid': kind(
    EXIT.usage,
    'A policy names a table or column that does not exist, or a filter that cannot be read.',
    'Correct it; `hakiri policy explain` shows what is in force.',
  ),
  'policy.unexpected': kind(
    EXIT.failed,
    'An expectation of the manifest does not hold.',
    'Correct the policy or the expectation; the output names both.',
  ),
  'audit.unavailable': kind(
    EXIT.failed,
    'The audit log cannot be written, so nothing is answered.',
    'Free disk space, or check the permissions of the audit folder.',
  ),
  'audit.broken': kind(
    EXIT.failed,
    'The audit log was changed, cut or reordered.',
    'Keep the file as it is: the output names the first record that does not fit.',
  ),

  'server.port_taken': kind(
    EXIT.failed,
    'The address to listen on is taken.',
    'Stop the other program, or choose another port with --port.',
  ),
  'server.running': kind(
    EXIT.conflict,
    'A daemon serves this project already.',
    'Use that one, or stop it first: `hakiri mcp` finds it by itself.',
  ),
  'server.unauthorized': kind(
    EXIT.denied,
    'The bearer token is missing or wrong.',
    'Send the token that `hakiri serve` printed at its first start.',
  ),
  'server.unreachable': kind(
    EXIT.failed,
    'The server does not answer.',
    'Check that `hakiri serve` is running.',
  ),
  'predicate.invalid': kind(
    EXIT.usage,
    'A filter is not valid.',
    "Filters compare columns with values: state = 'open' and comments > 3.",
  ),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof CODES;

/** The catalogue, for the page in `docs/`. */
export const ERROR_CATALOGUE: Readonly<Record<ErrorCode, ErrorKind>> = CODES;

export interface ErrorOptions {
  readonly hint?: string;
  readonly cause?: unknown;
  /** Facts for `--json`: a path, a line, a table. Never a value of a row, never a secret. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}

/** The one error class. `message` says what happened; `hint` says what to do next. */
export class HakiriError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HakiriError';
    this.code = code;
    this.hint = options.hint ?? CODES[code].hint;
    this.details = options.details ?? {};
  }

  get exitCode(): ExitCode {
    return CODES[this.code].exit;
  }
}

export function isHakiriError(error: unknown): error is HakiriError {
  return error instanceof HakiriError;
}

/** Any thrown value as a HakiriError; what is not one already is a bug of ours. */
export function toHakiriError(error: unknown): HakiriError {
  if (isHakiriError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HakiriError('internal', message, { cause: error });
}
