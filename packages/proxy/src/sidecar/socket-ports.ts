// How this process handles sockets, as ports of the proxy: original destinations, dialing, TCP options. The same in every thread.
import { assertNever, type Clock, type Logger } from '@weft/core';
import { mappedOriginalDst } from '../accept/mapped-original-dst.ts';
import { proxyProtocol } from '../accept/proxy-protocol/proxy-protocol.ts';
import { tcpDialer } from '../connect/tcp-dialer.ts';
import type { Dialer, OriginalDst, SetTcpOptions } from '../ports.ts';
import type { Config } from './config/config.ts';
import type { OriginalDstSource } from './config/original-dst-syntax.ts';
import { nativeTcpOptions } from './native-tcp-options.ts';
import { socketOriginalDst } from './original-dst.ts';
import { type AddressBookReader, addressBookDialer, addressBookOriginalDst, readAddressBook } from './watch-address-book.ts';

export interface SocketPorts {
  readonly originalDst: OriginalDst;
  readonly dial: Dialer;
  readonly setTcpOptions: SetTcpOptions;
  /** Where the addresses are virtual. */
  readonly book: AddressBookReader | undefined;
}

/** Throws where a source cannot be used here. */
export function socketPorts(config: Config, clock: Clock, logger: Logger): SocketPorts {
  const book = config.addressBook === undefined ? undefined : readAddressBook({ path: config.addressBook, logger });
  const originalDst = book ? addressBookOriginalDst(book) : originalDstOf(config.originalDst, clock, logger);
  const setTcpOptions = nativeTcpOptions({ logger });
  const tcp = tcpDialer({ clock, setTcpOptions });
  return { originalDst, dial: book ? addressBookDialer(book, tcp) : tcp, setTcpOptions, book };
}

function originalDstOf(source: OriginalDstSource, clock: Clock, logger: Logger): OriginalDst {
  switch (source.kind) {
    case 'socket':
      return socketOriginalDst({ onError: (errno) => logger.log('warn', 'an original destination cannot be read', { errno }) });
    case 'proxy-protocol':
      return proxyProtocol({ trusted: source.trusted, clock });
    case 'map':
      return mappedOriginalDst(source.entries);
    default:
      return assertNever(source);
  }
}
