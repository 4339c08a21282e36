/**
 * Work that arrives in lots, so much of it in one turn of the event loop and the rest, in its order, in the turns to come: Node hands over all messages that lie there in
 * one, and whatever else the process is to do waits meanwhile. What waits here is bounded by whoever sends: a thread has two batches at most.
 */
export class TurnBudget {
  readonly #most: number
  #spent = 0
  readonly #waiting: { readonly cost: number; readonly task: () => void }[] = []
  #renewing = false

  constructor(most: number) {
    this.#most = most
  }

  /** Runs `task` at once, if the turn has as much left and nothing waits. One that costs more than a turn has gets a turn of its own. */
  spend(cost: number, task: () => void): void {
    if (this.#waiting.length > 0 || !this.#affords(cost)) this.#waiting.push({ cost, task })
    else this.#run(cost, task)
    this.#renewLater()
  }

  #affords(cost: number): boolean {
    return this.#spent === 0 || this.#spent + cost <= this.#most
  }

  #run(cost: number, task: () => void): void {
    this.#spent += cost
    task()
  }

  /** Once a turn, behind its messages: what runs then counts for the next one too. */
  #renewLater(): void {
    if (this.#renewing) return
    this.#renewing = true
    setImmediate(() => {
      this.#renewing = false
      this.#spent = 0
      while (this.#waiting[0] && this.#affords(this.#waiting[0].cost)) {
        const next = this.#waiting.shift()
        if (next) this.#run(next.cost, next.task)
      }
      if (this.#spent > 0) this.#renewLater()
    })
  }
}
