// `weft demo`: flags; the rest is loaded when it is called.
import { buildCommand } from '@stricli/core';
import { amount, port } from './flags.ts';

export const demoCommand = buildCommand({
  docs: {
    brief: 'Run the whole mesh with a demo application on this machine',
    fullDescription:
      'Starts an API server, the control plane, and the application emojivoto with a proxy beside each part. As root on Linux with iptables and iproute2 each pod is a network namespace; elsewhere pods share the loopback interface. Ctrl-C ends everything.',
  },
  parameters: {
    flags: {
      check: { kind: 'boolean', brief: 'Drive traffic for a bounded time, assert it, print one JSON object, exit 0 or 1', default: false },
      runtime: { kind: 'enum', values: ['auto', 'loopback', 'netns'], brief: 'How pods are run', default: 'auto' },
      seconds: { kind: 'parsed', parse: amount, brief: 'With --check: how long to drive traffic', default: '20' },
      rate: { kind: 'parsed', parse: amount, brief: 'Rounds per second of the vote bot (default 5, with --check 40)', optional: true },
      port: { kind: 'parsed', parse: port, brief: 'Port of the demo page on this machine (0: a free one)', default: '0' },
      apiPort: { kind: 'parsed', parse: port, brief: 'Port of the API server on this machine (0: a free one)', default: '0' },
      journal: {
        kind: 'parsed',
        parse: String,
        brief: 'File that keeps the cluster from one run to the next (default: none)',
        placeholder: 'file',
        optional: true,
      },
      verbose: { kind: 'boolean', brief: 'Show what the containers write', default: false },
    },
  },
  loader: async () => (await import('./run-demo.ts')).runDemoCommand,
});
