export { MemoryDatabase } from './database/memory-database.ts';
