export * from './runner/run-events.ts';
