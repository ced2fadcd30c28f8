// The first process of a node, and of each Pod: it waits, and reaps what others leave behind.
//
// `node-init start` starts another one of itself in new mount, process and network namespaces,
// prints its process id and ends. When that one ends, the kernel ends all processes of the node
// and drops its mounts and links. Without arguments it waits: so it is the sandbox of a Pod too.
//
// `node-init open FOLDER` lets every user write to what is made in the folder: those are volumes,
// which Kubernetes' own provisioner makes for root alone, and Pods are not root.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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

// open lets every user write to each folder that is made in this one, now and later.
func open(folder string) error {
	watch, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return err
	}
	if _, err := syscall.InotifyAddWatch(watch, folder, syscall.IN_CREATE); err != nil {
		return err
	}
	events := make([]byte, 64*1024)
	for {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if entry.IsDir() {
				os.Chmod(filepath.Join(folder, entry.Name()), 0o777)
			}
		}
		if _, err := syscall.Read(watch, events); err != nil && err != syscall.EINTR {
			return err
		}
	}
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

// wait reaps until it is told to end.
func wait() {
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

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "start":
		err = start()
	case len(os.Args) == 3 && os.Args[1] == "open":
		err = open(os.Args[2])
	default:
		wait()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
