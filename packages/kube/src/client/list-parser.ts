// A list of objects taken apart while it arrives: each item is parsed by itself, so that neither ten thousand of them nor their text
// are ever in one piece, and no parse holds up the event loop. Kubernetes API concepts, "Resource versions", "Retrieving large results sets".

export interface ListParser {
  /** Takes the next bytes. Throws SyntaxError where they cannot be JSON. */
  push(chunk: Buffer): void;
  /** The list without its items, parsed. Throws SyntaxError where it is incomplete. */
  end(): unknown;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const SPACE = 0x20;

/** One object of a list, at most; API servers store 1.5 MiB. */
const MAX_ITEM_BYTES = 32 * 1024 * 1024;
/** What stands around the items, at most. */
const MAX_ENVELOPE_BYTES = 1024 * 1024;

/** Depth 1 is inside the list, 2 inside its `items`, 3 inside an item. `onItem` gets the text of each item, an empty one for what is neither object nor list. */
export function listParser(onItem: (text: string) => void): ListParser {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let inItems = false;
  /** In an item that is no object, such as null. */
  let inScalar = false;
  /** Bytes of the last string at depth 1: a key, or a value. */
  let lastString = '';
  let stringParts: Buffer[] = [];
  let itemParts: Buffer[] = [];
  let itemBytes = 0;
  const envelope: Buffer[] = [];
  let envelopeBytes = 0;

  const keep = (part: Buffer): void => {
    if (part.length === 0) return;
    envelopeBytes += part.length;
    if (envelopeBytes > MAX_ENVELOPE_BYTES) throw new SyntaxError('the list is no list of objects');
    envelope.push(part);
  };
  const keepItem = (part: Buffer): void => {
    itemBytes += part.length;
    if (itemBytes > MAX_ITEM_BYTES) throw new SyntaxError(`an item is longer than ${MAX_ITEM_BYTES} bytes`);
    itemParts.push(part);
  };

  const noObject = (): void => {
    if (!inScalar) onItem('');
    inScalar = true;
  };

  return {
    push(chunk) {
      // Where the part begins that belongs to the envelope, to the present item, or to the present key.
      let from = 0;
      let stringFrom = 0;
      for (let at = 0; at < chunk.length; at++) {
        const byte = chunk[at] as number;
        if (inString) {
          if (escaped) escaped = false;
          else if (byte === BACKSLASH) escaped = true;
          else if (byte === QUOTE) {
            inString = false;
            if (depth !== 1) continue;
            stringParts.push(chunk.subarray(stringFrom, at));
            lastString = Buffer.concat(stringParts).toString('utf8');
            stringParts = [];
          }
        } else if (byte === QUOTE) {
          inString = true;
          stringFrom = at + 1;
          if (depth === 2 && inItems) noObject();
        } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
          depth++;
          if (depth === 2 && byte === OPEN_BRACKET && lastString === 'items') {
            inItems = true;
            keep(chunk.subarray(from, at + 1));
          } else if (depth === 3 && inItems) from = at;
        } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
          depth--;
          if (depth === 2 && inItems) {
            keepItem(chunk.subarray(from, at + 1));
            onItem(Buffer.concat(itemParts, itemBytes).toString('utf8'));
            itemParts = [];
            itemBytes = 0;
          } else if (depth === 1 && inItems) {
            inItems = false;
            from = at;
          }
        } else if (depth === 2 && inItems) {
          if (byte === COMMA) inScalar = false;
          else if (byte > SPACE) noObject();
        }
      }
      if (inString && depth === 1) stringParts.push(chunk.subarray(stringFrom));
      if (!inItems) keep(chunk.subarray(from));
      else if (depth >= 3) keepItem(chunk.subarray(from));
    },
    end() {
      return JSON.parse(Buffer.concat(envelope).toString('utf8'));
    },
  };
}
