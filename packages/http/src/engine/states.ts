// Yes-or-no states in one number, a bit each: of an object that is one of a thousand each field is a part of what has to be fetched when it is its turn.

export abstract class States {
  private states = 0;

  /** Whether it is in this state, or in one of several. */
  protected is(state: number): boolean {
    return (this.states & state) !== 0;
  }

  protected be(state: number, so: boolean): void {
    this.states = so ? this.states | state : this.states & ~state;
  }
}
