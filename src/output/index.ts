import type { z } from 'zod';
import type { BootstrapError } from '../core/errors.ts';
import type { Reporter, ReporterOptions } from './reporter.ts';
import { createPrometheusReporter } from './prometheus.ts';
import { createTextReporter } from './text.ts';
import type { Finding } from '../core/findings.ts';
import { withoutSecrets } from '../core/secret.ts';
import { printable, withinSandbox } from './printable.ts';
import type { envelopeSchema } from './schemas.ts';
import type { Header, View } from './view.ts';
import { eventWithoutPayloads, viewWithoutPayloads } from './without-payloads.ts';

export type { OutputFormat, Reporter, ReporterOptions, Streams, Verbosity } from './reporter.ts';
export type {
  ChainLink,
  CheckedPart,
  ClusterVersions,
  Diagnosis,
  Header,
  ImageRow,
  ImagesView,
  MirrorRow,
  MirrorView,
  UnusedView,
  View,
  WhyView,
} from './view.ts';

export function createReporter(options: ReporterOptions): Reporter {
  const create = {
    text: createTextReporter,
    json: createJsonReporter,
    prometheus: createPrometheusReporter,
  }[options.format];
  const reporter = create(options);
  return {
    ...reporter,
    event: (event) => reporter.event(eventWithoutPayloads(event)),
    show: (view) => reporter.show(viewWithoutPayloads(view)),
    refresh: (view, ok) => reporter.refresh(viewWithoutPayloads(view), ok),
  };
}

/** A document. Views are added under the names of their types. */
type Envelope = z.infer<typeof envelopeSchema>;
type Views = { [Type in View['type']]?: Extract<View, { readonly type: Type }>['data'] };

/**
 * Writes exactly one JSON document to stdout at the end, even on failure, or one for each look of a watch.
 * Progress is not shown.
 */
function createJsonReporter({ command, streams, sandbox }: ReporterOptions): Reporter {
  let views: Views = {};
  let [target, error]: [Header?, BootstrapError?] = [];
  let warnings: string[] = [];
  /** What a run found in addition to the findings of its plan. */
  let findings: Finding[] = [];
  let hasLooks = false;
  const add = (view: View): void => {
    if ('header' in view) target = view.header;
    views = { ...views, [view.type]: view.data };
  };
  const write = (ok: boolean, indent?: number): void => {
    const document: Envelope & Views = {
      schemaVersion: 1,
      command,
      ...(target ? { target } : {}),
      ...views,
      ...(error ? { error } : {}),
      ok,
      ...(findings.length > 0 ? { findings } : {}),
      ...(warnings.length > 0 ? { warnings } : {}),
    };
    // Unprintable characters become JSON escapes, so the values of the document stay exact.
    const text = printable(withoutSecrets(JSON.stringify(document, undefined, indent)));
    streams.stdout.write(`${sandbox ? withinSandbox(text) : text}\n`);
  };
  return {
    header: (header) => {
      target = header;
    },
    warn: (text) => void warnings.push(text),
    event: (event) => {
      if (event.type === 'note') warnings.push(event.text);
      if (event.type === 'finding') findings.push(event.finding);
    },
    show: add,
    refresh: (view, ok) => {
      add(view);
      write(ok);
      [views, findings, warnings] = [{}, [], []];
      hasLooks = true;
    },
    error: (thrown) => {
      error = thrown;
    },
    ask: () => Promise.resolve(undefined),
    askFor: () => Promise.resolve(undefined),
    end: (ok) => {
      if (!hasLooks) write(ok, 2);
      else if (error) write(ok);
    },
  };
}
