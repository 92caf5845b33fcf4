export { type CheckedRecords, Intake, type IntakeOptions } from './intake.ts';
export { RecordSplitter, type SplitRecords, type SplitterOptions } from './record-splitter.ts';
