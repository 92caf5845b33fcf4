export { type GraphBuildAnswer, type GraphBuildRequest, graphBuildJob } from './graph-build-job.ts';
export { encodeVector } from './query-vector.ts';
export type { AllowedRows, SearchAnswer, SearchHit, SearchRequest } from './request.ts';
export { MAX_HITS, searchJob } from './search-job.ts';
