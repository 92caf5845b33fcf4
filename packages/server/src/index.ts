export type { ServerServices } from './services.ts';
