import type { Grant } from '@hakiri/core';

/** Who makes one request, as the door it came through let them in. */
export interface Caller {
  /** Of this request alone: the next one asks again. */
  readonly grant: Grant;
  /** `grant.digest` before the session went incognito: whose session it is. */
  readonly baseDigest: string;
  /** Undefined where the owner asks without one. */
  readonly token: string | undefined;
  readonly isIncognito: boolean;
  /**
   * From here on what the session reads is read as by one that is left to local and on-prem zones. Nothing undoes it.
   * @throws HakiriError access.denied where no more sessions can be kept in mind
   */
  pin(): void;
}
