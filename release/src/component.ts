/** A part of the release that somebody else made. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** The SPDX expression its makers give, or how Debian calls it. */
  readonly licence: string;
  /** Package URL (purl-spec): where it came from, in the form that scanners read. */
  readonly purl: string;
  /** Files of the payload that are its own; none when it is part of the bundle. */
  readonly files: readonly string[];
  /** What was linked into the launcher instead, and its SHA-256. */
  readonly linked?: Readonly<Record<string, string>>;
}
