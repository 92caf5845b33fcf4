export { createTableRedactor } from './table-redactor.ts';
