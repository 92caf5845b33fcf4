/** What a module of a part is called that the core profile does not hold: server, search, and what they stand on. */
export const ONLY_FULL =
  /packages\/(server|retrieval\/src\/(text|vector|search|embed|indexes|memory))\/|modelcontextprotocol|usearch|@hono|pino|opentelemetry/;
