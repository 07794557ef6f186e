import { Environment } from '@marcbachmann/cel-js';

type Values = Readonly<Record<string, unknown>>;

/** CEL with the functions of the API server's string library that the package lacks. */
const environment = new Environment({ unlistedVariablesAreDyn: true }).registerFunction(
  'string.charAt(int): string',
  (text: string, index: bigint) => text.charAt(Number(index)),
);

const programs = new Map<string, (values: Values) => unknown>();

/** The value of an expression. @throws Error if it does not compile, or fails */
export function evaluate(expression: string, values: Values): unknown {
  const program = programs.get(expression) ?? environment.parse(expression);
  programs.set(expression, program);
  return program({ ...values });
}
