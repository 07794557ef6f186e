import type { Layout } from '../layout.ts';
import type { ChainLink, WhyView } from '../view.ts';
import { levelMark } from './finding.ts';

/** The cause and its fix, then what was checked. */
export function whyLines({ subject, verdict, cause, chain }: WhyView, layout: Layout): string[] {
  const { bold, good, dim, warn } = layout.style;
  const isHealthy = verdict === 'healthy';
  const state = isHealthy ? good('OK') : warn('could not be checked');
  const width = Math.max(0, ...chain.map(({ link }) => titles[link].length));
  return [
    ...layout.wrap(`${bold(subject)}: ${cause && !isHealthy ? cause.what : state}`),
    ...(cause && isHealthy ? layout.wrap(`It runs, but could not be pulled again: ${cause.what}`) : []),
    ...(cause
      ? [
          ...layout.wrap(cause.why, { first: `${dim('why:')} ` }),
          ...layout.wrap(cause.fix, { first: `${dim('fix:')} ` }),
        ]
      : []),
    '',
    ...chain.flatMap((link) => linkLines(link, width, layout)),
  ];
}

const titles: Readonly<Record<ChainLink['link'], string>> = {
  image: 'Image',
  node: 'Node',
  mirror: 'Mirror',
  ecr: 'ECR',
  'pull-secret': 'Pull secret',
  token: 'Token',
  kubelet: 'Kubelet',
};

function linkLines({ link, state, text }: ChainLink, width: number, layout: Layout): string[] {
  return layout.wrap(text, { first: `${levelMark(state, layout)} ${layout.pad(titles[link], width)}  ` });
}
