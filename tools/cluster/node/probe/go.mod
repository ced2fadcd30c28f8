module digitalhuman.invalid/tools/cluster/node/probe

go 1.26.0
