/** A text as one line: no line break or other control character of a name reaches a header, or adds a line to a message. */
export const oneLine = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .toWellFormed();
