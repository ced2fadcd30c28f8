module digitalhuman.invalid/tools/cluster/node/init

go 1.26.0
