// The command `weft` as a value: run it in another program, or add its verbs to an application of your own.
// Every process of the mesh has its main in ./bin; this entry point is the command alone.
// Example: await run(weft, ['version'], { process });
export { weft } from './weft/app.ts';
