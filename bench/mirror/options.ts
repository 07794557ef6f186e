import { parseArgs } from 'node:util';
import { type SetName, setNames } from './images.ts';
import { toolNamed, type ToolName, toolNames } from './tools.ts';

export interface Options {
  readonly sets: readonly SetName[];
  readonly tools: readonly ToolName[];
  readonly rounds: number;
  readonly isQuick: boolean;
  /** Whether the results replace those of the same sets in bench/results. */
  readonly isPublished: boolean;
}

export const usage = `npm run bench:mirror -- [OPTIONS]

  --set A,B-429           of ${setNames.join(', ')}
                          (default: all)
  --tools registry,crane  of ${toolNames.join(', ')}; registry:CHECKOUT is the registry
                          engine of another checkout (default: all but other checkouts)
  --rounds N              runs of each tool (default: 3)
  --quick                 small sets, once: shows that everything works

With all tools and without --quick, the results replace those of the same sets in bench/results.
`;

/** Undefined if the help is requested. @throws TypeError for an invalid option */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      set: { type: 'string' },
      tools: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { set, tools, quick: isQuick, rounds = isQuick ? '1' : '3' } = values;
  if (!/^[1-9]\d*$/.test(rounds)) throw new TypeError(`not a number of rounds: ${rounds}`);
  const chosen = tools?.split(',').map(toolNamed) ?? toolNames;
  return {
    sets: set?.split(',').map(setNamed) ?? setNames,
    tools: chosen,
    rounds: Number(rounds),
    isQuick,
    isPublished: !isQuick && toolNames.every((name) => chosen.includes(name)),
  };
}

function setNamed(text: string): SetName {
  const found = setNames.find((name) => name === text);
  if (!found) throw new TypeError(`unknown set ${text}: choose from ${setNames.join(', ')}`);
  return found;
}
