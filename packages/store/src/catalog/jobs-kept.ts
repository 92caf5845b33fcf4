/** Of a pipeline that runs every few seconds there would be millions; older ones than these tell nobody anything. */
export const JOBS_KEPT = 1000;
