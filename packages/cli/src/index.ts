// The command `weft` as a function: run it from another program or a test.
// Every process of the mesh has its main in ./bin; this entry point is the command alone.
// Example: await runWeft(['version'], process);
export { runWeft, type WeftProcess } from './weft/run-weft.ts';
