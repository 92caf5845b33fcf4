/** An error that belongs to no request in particular, as JSON-RPC says it. */
export function rpcError(
  status: number,
  code: number,
  message: string,
  headers: NonNullable<ResponseInit['headers']> = {},
  data?: Readonly<Record<string, string>>,
): Response {
  const error = { code, message, ...(data === undefined ? {} : { data }) };
  return Response.json({ jsonrpc: '2.0', error, id: null }, { status, headers });
}
