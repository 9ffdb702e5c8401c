// What one HTTP/1 message may cost before its end is known. All of it is bounded; the defaults let 64 KiB fields through.

export interface H1Limits {
  /** Bytes of a head, start line included; trailers have the same limit of their own. Default 128 KiB. */
  readonly maxHeadBytes: number;
  /** Field lines in a head or in trailers. Default 8192. */
  readonly maxFields: number;
  /** Bytes of one chunk-size line with its extensions, which are dropped. Default 1024. */
  readonly maxChunkLineBytes: number;
  /** Bytes of chunk extensions in one body. Default 16 KiB. */
  readonly maxExtensionBytes: number;
}

export const H1_LIMITS: H1Limits = {
  maxHeadBytes: 128 * 1024,
  maxFields: 8192,
  maxChunkLineBytes: 1024,
  maxExtensionBytes: 16 * 1024,
};
