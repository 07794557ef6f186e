import type { Ask, Case, Need } from '../case.ts';
import { commonErrors, jsonErrors } from './differences.ts';
import { matching } from './support.ts';

/** The two forms of AWS errors: XML with a specific status, or JSON with 400. */
type Wording = 'query' | 'json';

const decides: Readonly<Record<Wording, string>> = {
  query: commonErrors,
  json: `${commonErrors}; ${jsonErrors}`,
};

/** Two errors that every AWS service has. @param ask any call of the service */
export function conditionsOf(wording: Wording, ask: Ask): readonly Case[] {
  const need = (capability: Need['capability']): Need => ({ capability, decides: decides[wording] });
  return [
    {
      name: 'an expired session is refused',
      needs: need('expiredSession'),
      ask: (situation) => {
        const key = situation.capabilities.expiredSession?.();
        return key ? { ...ask(situation), as: { key } } : ask(situation);
      },
      answer:
        wording === 'query'
          ? { status: 403, code: 'ExpiredToken', body: { Error: { Message: matching(/expired/) } } }
          : { status: 400, code: 'ExpiredTokenException', body: { message: matching(/expired/) } },
    },
    {
      name: 'a throttled request is refused',
      needs: need('throttle'),
      ask,
      answer:
        wording === 'query'
          ? { status: 400, code: 'Throttling', body: { Error: { Message: 'Rate exceeded' } } }
          : { status: 400, code: 'ThrottlingException', body: { message: 'Rate exceeded' } },
    },
  ];
}
