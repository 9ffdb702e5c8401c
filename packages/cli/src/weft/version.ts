// `weft version`: the version of the client, as `linkerd version --client` prints it.
import { buildCommand } from '@stricli/core';
import { VERSION } from '@weft/process';

interface VersionFlags {
  readonly short: boolean;
}

export const versionCommand = buildCommand({
  docs: { brief: 'Print the version' },
  parameters: { flags: { short: { kind: 'boolean', brief: 'Print the number alone', default: false } } },
  func(this: { readonly process: { readonly stdout: { write(text: string): void } } }, flags: VersionFlags) {
    this.process.stdout.write(flags.short ? `${VERSION}\n` : `Client version: ${VERSION}\n`);
  },
});
