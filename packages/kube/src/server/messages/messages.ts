// All messages of built-in kinds. A kind's message has the name of the kind.
import { accessMessages } from './access-messages.ts';
import { coreMessages } from './core-messages.ts';
import { type Message, parseMessages } from './message-table.ts';
import { metaMessages } from './meta-messages.ts';
import { podMessages } from './pod-messages.ts';
import { volumeMessages } from './volume-messages.ts';
import { workloadMessages } from './workload-messages.ts';

export type Messages = ReadonlyMap<string, Message>;

export function builtinMessages(): Messages {
  return parseMessages({ ...metaMessages, ...podMessages, ...volumeMessages, ...coreMessages, ...workloadMessages, ...accessMessages });
}
