// The messages of built-in kinds: their members with the numbers that protobuf gives them and how their lists merge. Bodies in protobuf are
// decoded by it, and OpenAPI is published from it. Kubernetes "API Overview", "Protobuf encoding"; `spec/runtime.md` §4.

export type Scalar = 'string' | 'bytes' | 'int32' | 'int64' | 'bool' | 'Quantity' | 'IntOrString' | 'Time' | 'MicroTime' | 'FieldsV1';

export interface Member {
  readonly name: string;
  /** A scalar, or the name of another message. */
  readonly type: string;
  readonly form: 'one' | 'list' | 'map';
  /** A zero says something here; elsewhere protobuf writes zeros for what is absent. */
  readonly keepsZero: boolean;
  /** The members of the other message stand in this one's own JSON. */
  readonly inline: boolean;
  /** Strategic merge of a list: by this member, or as a set. */
  readonly mergeKey?: string;
  readonly mergesAsSet: boolean;
  /** Strategic merge keeps only the members that a patch names. */
  readonly retainsKeys: boolean;
}

export type Message = ReadonlyMap<number, Member>;

/**
 * Members by white space: `name=1` is a string; `port=3:int32`, `optional=2:bool?` (keeps its zero), `data=2:string{}` (a map),
 * `command=3:string[]` (a list), `env=7:EnvVar[name]` (merges by name), `finalizers=14:string[+]` (a set), `[name!]` and `!` (retains
 * keys), `+1:Probe` (inline).
 */
export type MessageTexts = Readonly<Record<string, string>>;

const MEMBER = /^(\+|\w+=)(\d+)(?::(\w+))?(\?|\{\}|\[(\+|\w*)(!?)\]|!)?$/;

export function parseMessages(texts: MessageTexts): ReadonlyMap<string, Message> {
  return new Map(Object.entries(texts).map(([name, text]) => [name, parseMessage(name, text)]));
}

function parseMessage(message: string, text: string): Message {
  const members = new Map<number, Member>();
  for (const word of text.trim().split(/\s+/)) {
    const match = MEMBER.exec(word);
    if (!match) throw new Error(`message ${message}: ${word} cannot be read`);
    const [, name = '', number, type = 'string', mark = '', inside = '', retains = ''] = match;
    members.set(Number(number), {
      name: name.replace('=', ''),
      type,
      form: mark === '{}' ? 'map' : mark.startsWith('[') ? 'list' : 'one',
      keepsZero: mark === '?',
      inline: name === '+',
      mergesAsSet: inside === '+',
      retainsKeys: mark === '!' || retains === '!',
      ...(inside !== '' && inside !== '+' ? { mergeKey: inside } : {}),
    });
  }
  return members;
}
