// emojivoto.v1.EmojiService
import protobuf from 'protobufjs';
import type { Emoji } from '../catalogue.ts';
import { messageType, unaryMethod } from './method.ts';

const root = new protobuf.Root();
messageType(root, 'Emoji', [
  ['unicode', 1, 'string'],
  ['shortcode', 2, 'string'],
]);
const listRequest = messageType(root, 'ListAllEmojiRequest');
const listResponse = messageType(root, 'ListAllEmojiResponse', [['list', 1, 'Emoji', 'repeated']]);
const findRequest = messageType(root, 'FindByShortcodeRequest', [['Shortcode', 1, 'string']]);
const findResponse = messageType(root, 'FindByShortcodeResponse', [['Emoji', 1, 'Emoji']]);

export const emojiService = {
  ListAll: unaryMethod<object, { list: readonly Emoji[] }>('EmojiService', 'ListAll', listRequest, listResponse),
  FindByShortcode: unaryMethod<{ Shortcode?: string }, { Emoji?: Emoji }>('EmojiService', 'FindByShortcode', findRequest, findResponse),
};

export const emojiRoot = root;
