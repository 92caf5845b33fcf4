export { createServe, type ServeOptions } from './serve.ts';
