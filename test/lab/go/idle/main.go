// Waits for a signal to end. In the lab's images it is both the pause container, which as process 1 of
// a pod has to reap orphans, and the program of every workload.
package main

import (
	"os/signal"
	"syscall"

	"os"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGINT, syscall.SIGTERM)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for reaped := 1; reaped > 0; {
			reaped, _ = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		}
	}
}
