// Properties draw the same values in every run, so that a failure is one for everybody. `FC_SEED=…` draws others.
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['FC_SEED'] ?? 1) });
