// The first process of a node, and of each Pod: it waits, and reaps what others leave behind.
//
// `node-init start` starts another one of itself in new mount, process and network namespaces,
// prints its process id and ends. When that one ends, the kernel ends all processes of the node
// and drops its mounts and links. Without arguments it waits: so it is the sandbox of a Pod too.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET

// start runs this program again, as process 1 of namespaces of its own.
func start() error {
	child := exec.Command(os.Args[0])
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true}
	if err := child.Start(); err != nil {
		return err
	}
	fmt.Println(child.Process.Pid)
	return nil
}

// reap collects every child that has ended.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 {
			return
		}
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "start" {
		if err := start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT)
	reap()
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		reap()
	}
}
