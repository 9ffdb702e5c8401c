import { expect, test } from 'vitest';
import type { JsonObject } from '../json/json.ts';
import { humanDuration } from './column.ts';
import { podColumns, podStatusWord } from './pod-columns.ts';

const status = (name: string, state: JsonObject, more: JsonObject = {}): JsonObject => ({ name, ready: false, restartCount: 0, state, ...more });
const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const pod = (more: { spec?: JsonObject; status?: JsonObject; metadata?: JsonObject }): JsonObject => ({
  metadata: { name: 'p', ...more.metadata },
  spec: { containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'init' }, { name: 'side', restartPolicy: 'Always' }], ...more.spec },
  status: { phase: 'Pending', ...more.status },
});

test.each([
  ['the phase', pod({ status: { phase: 'Pending' } }), 'Pending'],
  ['how far the init containers are', pod({ status: { initContainerStatuses: [status('init', { running: {} })] } }), 'Init:0/2'],
  ['why an init container ended', pod({ status: { initContainerStatuses: [status('init', { terminated: { exitCode: 3 } })] } }), 'Init:ExitCode:3'],
  [
    'why an init container waits',
    pod({ status: { initContainerStatuses: [status('init', { waiting: { reason: 'CrashLoopBackOff' } })] } }),
    'Init:CrashLoopBackOff',
  ],
  [
    'that all run, sidecar included',
    pod({
      status: {
        phase: 'Running',
        initContainerStatuses: [status('init', { terminated: { exitCode: 0, reason: 'Completed' } }), status('side', running, { started: true, ready: true })],
        containerStatuses: [status('a', running, { ready: true }), status('b', running, { ready: true })],
      },
    }),
    'Running',
  ],
  [
    'why a container waits',
    pod({ status: { phase: 'Running', containerStatuses: [status('a', running), status('b', { waiting: { reason: 'ImagePullBackOff' } })] } }),
    'ImagePullBackOff',
  ],
  [
    'by which signal one ended',
    pod({ status: { phase: 'Failed', containerStatuses: [status('a', { terminated: { exitCode: 137, signal: 9 } })] } }),
    'Signal:9',
  ],
  ['that it is going', pod({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { phase: 'Running' } }), 'Terminating'],
])('the status word tells %s', (_name, object, word) => {
  expect(podStatusWord(object)).toBe(word);
});

test('ready and restarts count sidecars', () => {
  const object = pod({
    status: {
      phase: 'Running',
      initContainerStatuses: [status('init', { terminated: { exitCode: 0 } }, { restartCount: 5 }), status('side', running, { ready: true, restartCount: 1 })],
      containerStatuses: [
        status('a', running, { ready: true, restartCount: 2, lastState: { terminated: { finishedAt: '2026-01-01T00:00:00Z', exitCode: 1 } } }),
        status('b', running),
      ],
    },
  });
  const cells = Object.fromEntries(podColumns.map((column) => [column.name, column.cell(object, Date.parse('2026-01-01T00:05:00Z'))]));
  expect(cells).toMatchObject({ Name: 'p', Ready: '2/3', Restarts: '3 (5m ago)', IP: '<none>' });
});

test.each([
  [-5000, '<invalid>'],
  [0, '0s'],
  [119_000, '119s'],
  [120_000, '2m'],
  [200_000, '3m20s'],
  [15 * 60_000, '15m'],
  [5.5 * 3_600_000, '5h30m'],
  [26 * 3_600_000, '26h'],
  [50 * 3_600_000, '2d2h'],
  [30 * 86_400_000, '30d'],
  [800 * 86_400_000, '2y70d'],
])('%i ms is %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});
