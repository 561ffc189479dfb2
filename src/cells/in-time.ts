const TOLD_IN_MS = 5_000;

/** Whether a message arrived: false when it failed or took too long, so that one peer that hangs holds up nothing else. */
export async function inTime(message: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${TOLD_IN_MS} ms`)), TOLD_IN_MS);
  });
  try {
    await Promise.race([message, tooLate]);
    return true;
  } catch (error) {
    console.error('a cell could not pass something on', error);
    return false;
  } finally {
    clearTimeout(timer);
  }
}
