/** Where machines find each other's responses: any of them can answer for any other. */
export interface SharedResponses {
  /** @param name what the CA asks for: a token, or a server name */
  put(name: string, response: string): Promise<void>;
  /** Undefined for what no one shows. */
  find(name: string): Promise<string | undefined>;
  /** Absent: fine. */
  remove(name: string): Promise<void>;
}
