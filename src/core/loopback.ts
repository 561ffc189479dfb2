/** Whether a host is this machine itself: where a connection without TLS leaves nothing open to others. Pure. */
export const isLoopback = (hostname: string): boolean => /^(localhost|127\.0\.0\.1|\[?::1\]?)$/i.test(hostname);
