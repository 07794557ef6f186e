import type { Reporter, ReporterOptions } from './reporter.ts';
import { createTextReporter } from './text.ts';
import type { Finding } from '../core/findings.ts';
import { withoutSecrets } from '../core/secret.ts';
import { printable, withinSandbox } from './printable.ts';
import type { View } from './view.ts';
import { eventWithoutPayloads, viewWithoutPayloads } from './without-payloads.ts';

export type { Reporter, ReporterOptions, Streams, Verbosity } from './reporter.ts';
export type {
  CheckedPart,
  ClusterVersions,
  Diagnosis,
  Header,
  ImageRow,
  ImagesView,
  MirrorRow,
} from './view.ts';

export function createReporter(options: ReporterOptions): Reporter {
  const reporter = options.format === 'json' ? createJsonReporter(options) : createTextReporter(options);
  return {
    ...reporter,
    event: (event) => reporter.event(eventWithoutPayloads(event)),
    show: (view) => reporter.show(viewWithoutPayloads(view)),
  };
}

/** Version of the JSON format. Adding a field does not change the version. */
const schemaVersion = 1;

/** Writes exactly one JSON document to stdout at the end, even on failure. Progress is not shown. */
function createJsonReporter({ command, streams, sandbox }: ReporterOptions): Reporter {
  const document: Record<string, unknown> = { schemaVersion, command };
  const warnings: string[] = [];
  return {
    header: (header) => {
      document['target'] = header;
    },
    warn: (text) => void warnings.push(text),
    event: (event) => {
      if (event.type === 'note') warnings.push(event.text);
      if (event.type === 'finding') warnings.push(sentence(event.finding));
    },
    show: (view: View) => {
      document[view.type] = view.data;
    },
    error: (error) => {
      document['error'] = error.toJSON();
    },
    ask: () => Promise.resolve(undefined),
    askFor: () => Promise.resolve(undefined),
    end: (ok) => {
      const whole = { ...document, ok, ...(warnings.length > 0 ? { warnings } : {}) };
      // Unprintable characters become JSON escapes, so the values of the document stay exact.
      const text = printable(withoutSecrets(JSON.stringify(whole, undefined, 2)));
      streams.stdout.write(`${sandbox ? withinSandbox(text) : text}\n`);
    },
  };
}

const sentence = ({ what, why, hint }: Finding): string => `${what}: ${why}. ${hint}`;
