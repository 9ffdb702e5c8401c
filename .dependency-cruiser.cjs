// The directions of the package table in docs/architecture.md, per subpath; and no cycles.
const allowed = {
  core: [],
  http: [],
  tls: ['core'],
  wire: ['core'],
  kube: ['core'],
  init: ['core'],
  process: ['core', 'tls'],
  identity: ['core', 'wire', 'kube', 'process'],
  destination: ['core', 'wire', 'kube', 'process'],
  policy: ['core', 'wire', 'kube', 'process'],
  injector: ['core', 'kube', 'init', 'process'],
  proxy: ['core', 'http', 'tls', 'wire', 'process', 'identity', 'destination', 'policy'],
  viz: ['core', 'wire', 'kube', 'process', 'tls'],
  mesh: ['core', 'http', 'tls', 'wire', 'kube', 'init', 'process', 'identity', 'destination', 'policy', 'injector', 'proxy', 'viz'],
};

const test = '\\.test\\.ts$';
const src = (name, path = '') => `^packages/${name}/src/${path}`;

const directions = Object.entries(allowed).map(([name, targets]) => ({
  name: `${name}-imports-only-downwards`,
  severity: 'error',
  comment: `@weft/${name} may import ${targets.length === 0 ? 'no sibling' : targets.join(', ')}.`,
  from: { path: src(name), pathNot: test },
  to: { path: '^packages/([^/]+)/', pathNot: [`^packages/(${[name, ...targets].join('|')})/`] },
}));

/** A subpath that must stay light or pure. */
const forbid = (name, from, to, comment) => ({ name, severity: 'error', comment, from: { pathNot: test, ...from }, to });

module.exports = {
  forbidden: [
    ...directions,
    // Files of one folder may know each other's types; what runs may not go in circles.
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    forbid(
      'clients-are-light',
      { path: '^packages/(identity|destination|policy)/src/(client|dns)/' },
      { path: '^(packages/kube/|packages/process/|packages/[^/]+/src/server/)' },
      'Clients run in every proxy: no Kubernetes, no servers.',
    ),
    forbid(
      'dns-needs-no-control-plane',
      { path: src('destination', 'dns/') },
      { path: '^packages/wire/|^packages/destination/src/client/' },
      'Discovery over DNS knows nothing of the destination API.',
    ),
    forbid(
      'authority-is-pure',
      { path: src('identity', 'authority/') },
      { path: '^(packages/(kube|process|wire)/|node_modules/.*@grpc)' },
      'The certificate authority needs neither Kubernetes nor gRPC.',
    ),
    forbid(
      'proxy-knows-ports-only',
      { path: src('proxy'), pathNot: `${test}|${src('proxy', 'sidecar/')}` },
      { path: '^packages/(wire|process|identity|destination|policy|kube)/|^packages/proxy/src/sidecar/' },
      'The data plane takes identity, discovery and policy as ports.',
    ),
    forbid(
      'sidecar-uses-clients',
      { path: src('proxy', 'sidecar/') },
      { path: '^packages/(identity|destination|policy)/src/(server|authority)/' },
      'The sidecar uses the client subpaths only.',
    ),
    forbid(
      'proxy-does-not-know-who-embeds-it',
      { path: src('proxy'), pathNot: `${test}|${src('proxy', '(sidecar|sdk)/')}` },
      { path: src('proxy', 'sdk/') },
      'Sidecar and SDK are two uses of the same data plane.',
    ),
    forbid('sidecar-and-sdk-are-apart', { path: src('proxy', 'sidecar/') }, { path: src('proxy', 'sdk/') }, 'A process has its own entry.'),
    forbid(
      'undici-is-optional',
      { path: '^packages/', pathNot: `${test}|${src('proxy', 'sdk/undici/')}` },
      { path: 'node_modules/.*undici' },
      'Only who imports @weft/proxy/sdk/undici needs the package.',
    ),
    forbid(
      'core-does-no-io',
      { path: src('core'), pathNot: `${test}|${src('core', 'route/pattern.ts')}` },
      { dependencyTypes: ['core', 'npm'], pathNot: '^(node:)?(util|buffer)$' },
      'core is pure: no built-in that does input or output, and no library but the one that runs the patterns of policies.',
    ),
    forbid('examples-stand-alone', { path: '^examples/emojivoto/' }, { path: '^packages/' }, 'The demo application knows nothing of the mesh.'),
    forbid('nothing-imports-cli', { path: '^packages/(?!cli/)' }, { path: '^packages/cli/' }, 'cli is the top.'),
    forbid(
      'no-dev-dependency-in-source',
      { path: '^(packages|examples)/[^/]+/src/' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer'] },
      'What the source needs is a dependency, or one that its user brings.',
    ),
    { name: 'resolvable', severity: 'error', from: { path: '^(packages|examples|test|bench|scripts)/' }, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules|/dist/' },
    exclude: { path: '/dist/|/src/gen/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['weft-source', 'import', 'node', 'default'] },
  },
};
