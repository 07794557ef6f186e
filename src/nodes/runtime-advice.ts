export interface RuntimeAdvice {
  readonly file: string;
  readonly lines: readonly string[];
  readonly restart: string;
}
export const runtimeAdvice = (runtime: string): RuntimeAdvice | undefined =>
  runtime === '' ? undefined : undefined;
