export type { HttpApp, HttpOptions } from './http/app.ts';
export { createHttpApp } from './http/app.ts';
export type { McpHandlers, McpOptions, ToolCall } from './mcp/create-mcp.ts';
export { createMcp } from './mcp/create-mcp.ts';
export type { StdioConnection, StdioOptions } from './mcp/serve-stdio.ts';
export { serveStdio } from './mcp/serve-stdio.ts';
export type { ServerServices } from './services.ts';
