import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderUrl, urlTemplate } from '../../src/core/url-template.ts';

const idOf = (template: string) => {
  const checked = urlTemplate(template, ['Code', 'UserID']);
  return checked.ok ? 'ok' : checked.problem.id;
};

describe('a link’s template', () => {
  it('may name the fields that it has, with spaces around them, as often as it likes, or none', () => {
    for (const template of ['https://a.example', '{{.Code}}', '{{ .Code }}/{{.UserID}}?{{.Code}}', 'a}}b', 'a{b']) expect(idOf(template)).toBe('ok');
  });

  it('is refused when a field is none of them', () => {
    for (const template of ['{{.OrgID}}', '{{.code}}', '{{.Code}}{{.Secret}}', '{{.constructor}}']) expect(idOf(template)).toBe('DOMAIN-ieYa7');
  });

  it('is refused when an action is not closed, or is any other of Go’s', () => {
    for (const template of [
      '{{',
      '{{}}',
      '{{.Code',
      '{{Code}}',
      '{{.Code | print}}',
      '{{if .Code}}',
      '{{.Code.X}}',
      '{{{.Code}}',
      '{{.}}',
      '{{.Code}}{{',
    ]) {
      expect(idOf(template), template).toBe('DOMAIN-oGh5e');
    }
  });

  it('becomes a link in which every value is one part, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (code, userId) => {
        const link = renderUrl('https://a.example/?c={{.Code}}&u={{ .UserID }}', { Code: code, UserID: userId });
        const { searchParams } = new URL(link);
        expect([...searchParams]).toEqual([
          ['c', code],
          ['u', userId],
        ]);
      }),
    );
  });

  it('leaves a field without a value empty, and what is no field as it is', () => {
    expect(renderUrl('a/{{.Code}}/{{.SessionID}}/}}', { Code: '{{.SessionID}}' })).toBe('a/%7B%7B.SessionID%7D%7D//}}');
  });
});
