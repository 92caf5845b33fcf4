/** Small enough to hold a row group of wide rows in the child's memory. */
export const ROW_GROUP_ROWS = 10_240;
