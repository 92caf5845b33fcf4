export { createMemory, type MemoryOptions } from './memory.ts';
export { isMemoryTable, MEMORY_COLUMNS, MEMORY_INDEXES, memoryTable } from './memory-table.ts';
