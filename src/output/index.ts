import { createJsonReporter } from './json.ts';
import type { Reporter, ReporterOptions } from './reporter.ts';
import { createTextReporter } from './text.ts';

export type { Reporter, ReporterOptions, Streams, Verbosity } from './reporter.ts';
export type { Header, ImageRow, MirrorRow } from './view.ts';

export const createReporter = (options: ReporterOptions): Reporter =>
  options.format === 'json' ? createJsonReporter(options) : createTextReporter(options);
